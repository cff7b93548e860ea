"""Small tools that every other package may use; they know nothing about models, grids or cubes.

`optional` imports packages that only some commands need. `text` writes byte counts and durations for people. `disk`
tells how much room the disks have, and `destination` checks an output path before any work starts. `unfinished` writes
files under a temporary name until they are complete. `paths` reads paths as users type them, `numbers`
checks numbers. `earth` holds the radius
of the Earth.
"""
