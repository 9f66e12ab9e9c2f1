"""One meter per kind of sensor."""
