"""Tables of what each panel shows, for its CSV files and for people who read numbers. They need numpy alone."""
