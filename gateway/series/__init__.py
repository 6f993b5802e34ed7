"""Time series: what becomes points, how they are written, and where they wait and are kept."""
