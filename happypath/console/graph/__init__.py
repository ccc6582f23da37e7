"""A state machine as a picture: its definition as nodes and edges, their layout, and the SVG.

`definition` reads Amazon States Language, `layered` and `drawing` say where everything is, `svg` writes it,
`history` says what an execution did with it, `difference` what two versions of it differ in. All of these are
pure functions: nothing here calls AWS.
"""
