"""The Low Level Reader Protocol, 1.0.1 and 1.1, as a library without input or output.

Bytes in, messages out, and the other way; usable alone: it imports nothing else of the gateway.

    >>> from gateway.llrp.codec import Message, decode, encode
    >>> decode(encode(Message("ENABLE_ROSPEC", id=8, fields={"ROSpecID": 14}))).field("ROSpecID")
    14

`messages`, `parameters_*` and `vendors` are the tables, `registry` finds their rows, `codec` reads
and writes by them, `tree` shows messages as JSON and as text. `framing` cuts a stream into frames,
`reports` turns tag reports into columns, `session` talks to one reader.
"""
