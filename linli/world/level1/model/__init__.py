"""A hub of plain records in memory, written from the rules of LSP/1: cheap enough for thousands of weeks."""
