# Makes PAGE.gz, the manual page of PROGRAM's COMMAND (empty: of the program), out of its help.
string(STRIP "cbr ${COMMAND}" name)
if(COMMAND)
  set(see "cbr(1)")
else()
  set(see "cbr-bench(1), cbr-compare(1), cbr-config(1), cbr-doctor(1), cbr-generate(1), cbr-plan(1)")
endif()
execute_process(COMMAND ${PROGRAM} ${COMMAND} --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)

# Examples, and the notes behind them, are sections of their own: help2man would run their lines
# together.
set(sections "")
string(FIND "${help}" "\nExamples:\n" at)
if(NOT at EQUAL -1)
  string(SUBSTRING "${help}" ${at} -1 sections)
  string(SUBSTRING "${help}" 0 ${at} help)
  string(APPEND help "\n")
  string(REPLACE "\\" "\\e" sections "${sections}")
  string(REPLACE "-" "\\-" sections "${sections}")
  # A command and, after two spaces, what it does; or a command alone. `\&` is nothing, so that no
  # line starts with a full stop, which would make it a macro.
  string(REGEX REPLACE "\n  ([^\n]*[^ \n])   *([^\n]+)" "\n.TP\n\\\\fB\\1\\\\fR\n\\\\&\\2" sections "${sections}")
  string(REGEX REPLACE "\n  ([^\n]+)" "\n.TP\n\\\\fB\\1\\\\fR\n\\\\&" sections "${sections}")
  string(REPLACE "\nExamples:\n" "[EXAMPLES]\n" sections "${sections}")
  string(REGEX REPLACE "\n\n+([^\n])" "\n[NOTES]\n\\1" sections "${sections}")
endif()
file(WRITE ${PAGE}.include "${sections}\n[SEE ALSO]\n${see}\n")

# The first line says what it does. help2man wants "Usage" before everything else, and flags with a
# space between their spellings.
string(REGEX MATCH "^[^\n]*" summary "${help}")
string(LENGTH "${summary}" length)
string(SUBSTRING "${help}" ${length} -1 help)
string(REGEX REPLACE "\n( *-[a-z]),--" "\n\\1, --" help "${help}")
# Of several sentences, the name has the first; a summary of one has no full stop.
string(REGEX REPLACE "\\.$" "" summary "${summary}")
string(REGEX REPLACE "Usage: ([^\n]*)\n" "Usage: \\1\n\n${summary}.\n" help "${help}")
string(REGEX REPLACE "\\. .*" "" summary "${summary}")
file(WRITE ${PAGE}.help "${help}")
string(REPLACE " " "-" title "${name}")
file(WRITE ${PAGE}.version "${title} ${VERSION}\n")
# help2man runs what it describes; these scripts say the same, with the changes above.
file(WRITE ${PAGE}.sh "#!/bin/sh\ncase $1 in --version) cat '${PAGE}.version' ;; *) cat '${PAGE}.help' ;; esac\n")
file(CHMOD ${PAGE}.sh PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
execute_process(
  COMMAND ${HELP2MAN} --no-info --section 1 --name ${summary} --include ${PAGE}.include
          --output ${PAGE} ${PAGE}.sh
  COMMAND_ERROR_IS_FATAL ANY)
# The script's name stands where the program's should.
get_filename_component(script ${PAGE}.sh NAME)
file(READ ${PAGE} text)
string(REPLACE "${script}" "${title}" text "${text}")
file(WRITE ${PAGE} "${text}")
execute_process(COMMAND gzip -9nf ${PAGE} COMMAND_ERROR_IS_FATAL ANY)
