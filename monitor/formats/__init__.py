"""What is known, as text: JSON, CSV, iCalendar, Atom, Markdown. Pure functions; times in UTC; foreign text tamed."""
