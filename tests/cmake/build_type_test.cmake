# cmake -DSOURCE_DIR=... -P: what cmake/BuildType.cmake decides.
set(file "${SOURCE_DIR}/cmake/BuildType.cmake")

# Runs the file in a CMake of its own with the given variables set. With
# EXPECT_TYPE it must choose that type, without it must fail and print
# EXPECT_ERROR.
function(check_build_type)
  cmake_parse_arguments(arg "" "EXPECT_TYPE;EXPECT_ERROR" "VARIABLES" ${ARGN})
  execute_process(
    COMMAND "${CMAKE_COMMAND}" ${arg_VARIABLES} "-DFILE=${file}" -P
            "${SOURCE_DIR}/tests/cmake/print_build_type.cmake"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(arg_EXPECT_TYPE)
    if(result OR NOT output MATCHES "type=${arg_EXPECT_TYPE}\n")
      message(SEND_ERROR "${arg_VARIABLES}: expected ${arg_EXPECT_TYPE}, got\n"
                         "${output}")
    endif()
  elseif(NOT result OR NOT output MATCHES "${arg_EXPECT_ERROR}")
    message(SEND_ERROR "${arg_VARIABLES}: expected the error "
                       "${arg_EXPECT_ERROR}, got\n${output}")
  endif()
endfunction()

set(flags "-DCMAKE_CXX_FLAGS_RELEASE=-O3 -DNDEBUG")
check_build_type(VARIABLES ${flags} EXPECT_TYPE Release)
check_build_type(VARIABLES ${flags} -DCMAKE_BUILD_TYPE= EXPECT_TYPE Release)
check_build_type(VARIABLES -DCMAKE_BUILD_TYPE=Debug EXPECT_TYPE Debug)
check_build_type(VARIABLES -DCMAKE_CXX_FLAGS_RELEASE=-O3
                 EXPECT_ERROR "needs -DNDEBUG")
