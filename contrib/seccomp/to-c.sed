# Turns a text file into a C string, one literal for each line.
s/\\/\\\\/g
s/"/\\"/g
s/^/"/
s/$/\\n"/
