# Hides from Doxygen what needs no comment, which it would ask for. Lines stay, empty, so that their numbers
# are right.

# What the compiler writes by itself.
/= (default|delete);$/ && before !~ /^ *\/\/\// { $0 = "" }

# Friends that a class has for its own sake.
/^ *private:$/ { private = 1 }
/^ *(public|protected):$|^ *};$/ { private = 0 }
private && /^ *friend / { in_friend = 1 }
in_friend { if (/;/) in_friend = 0; $0 = "" }

{ before = $0; print }
