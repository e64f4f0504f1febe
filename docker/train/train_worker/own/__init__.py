"""Networks that a Python file of the user's builds.

`build.build` is what others call: it has the file tried in a process of its own first (`trial`),
looks at what comes out (`checks`), and says in which line of the file something went wrong
(`blame`).
"""
