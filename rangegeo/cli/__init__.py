"""The shell: `rangegeo` and its verbs.

A verb is one file with a click command named `command`; it turns its options into values, calls one job or function of
the library, and prints. Nothing is computed here, and nothing heavy is imported before a verb runs.

`main` finds the verbs and turns errors into one line and an exit code. `options` has the options that verbs share and
hands them over in groups, `arguments` reads values such as boxes and bands, `progress` shows how far a run is,
`notices` has the lines that several verbs print, and `streams` prints lines also if nobody can read them.
"""
