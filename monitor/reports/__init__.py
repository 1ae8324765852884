"""A month on paper: what the store knows of a period, added up by service and written for people and spreadsheets."""
