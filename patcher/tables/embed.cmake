# Turns the default table into a C string: cmake -DINPUT=… -DOUTPUT=… -P embed.cmake
file(READ ${INPUT} text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
file(WRITE ${OUTPUT} "#include \"values/table.h\"\n\nconst char pp_table_builtin[] =\n    \"${text}\";\n")
