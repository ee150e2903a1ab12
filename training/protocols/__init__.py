"""The papers' own protocols: their data, labels, schedules and tables, on their own data sets."""
