"""Public data that encoders are compared on: 14 tasks, from climates to prices of houses.

`sources` says where the files are published, under which licence, and with which checksums; `fetching` gets them, and
no other file here uses the network. `grids` and `readers` say what the files hold at given places. `tasks` puts places
and values together, and `scored` is what users call: `rangegeo.evaluate_suite`.
"""
