"""What the gateway tells of itself: log lines, metrics, health, and notes to systemd."""
