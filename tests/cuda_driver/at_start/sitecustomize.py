"""Python imports this when it starts: a program that a test runs finds the stand-in's devices."""

import cuda_driver

cuda_driver.install()
