"""From PTX text to C++ text: a parser, and a translator with one function per opcode."""
