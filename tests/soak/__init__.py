"""A control loop for hours and days of simulated time, among everything that can go wrong: `make soak`."""
