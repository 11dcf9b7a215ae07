# Runs cmake/BuildType.cmake (-DFILE=) alone and prints the type that it chose.
include("${FILE}")
message("type=${CMAKE_BUILD_TYPE}")
