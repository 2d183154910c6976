"""Random calls and networks in both libraries: shapes, memory layouts, dtypes, NaN and infinity.

``hypothesis`` makes them up and shrinks what fails. The usual run tries a fixed set; the tests
marked ``slow`` try many more.
"""
