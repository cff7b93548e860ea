"""Small tools that every other package may use; they know nothing about models, grids or cubes.

`optional` imports packages that only some commands need. `text` writes byte counts and durations for people. `disk`
says how much room the disks have, and `destination` checks an output path before any work starts. `unfinished` gives
files a temporary name until they are complete. `paths` reads paths as users type them, `stdin` reads what can be read
only once, and `numbers` checks numbers. `earth` has the radius of the Earth and distances on it. `drivers` says which
of GDAL's drivers reads a file. `location` tells paths of this machine from addresses: `address` has those of buckets
and web servers, `repository` those of Icechunk.
"""
