# Programs that tests run against: tests/peers/. They are written in Go, as what
# they stand for is. Where there is no Go, or its modules cannot be fetched, the
# build goes on without them and their tests are skipped.
if(CMAKE_SCRIPT_MODE_FILE)
  # cmake -DGO=... -DSOURCE=folder -DOUTPUT=file -P Peers.cmake
  execute_process(
    COMMAND "${GO}" build -buildvcs=false -o "${OUTPUT}" .
    WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE failed ERROR_VARIABLE errors)
  if(failed)
    file(REMOVE "${OUTPUT}") # of an earlier build; so the next build tries again
    message(NOTICE "${errors}${SOURCE} could not be built; its tests will be "
                   "skipped. It needs Go 1.26, or 1.21 and the way to fetch it.")
  endif()
  return()
endif()

# oddverb_peers(): target oddverb_peers, programs in build/PRESET/tests/.
function(oddverb_peers)
  add_custom_target(oddverb_peers)
  find_program(ODDVERB_GO go HINTS /usr/local/go/bin)
  if(NOT ODDVERB_GO)
    message(STATUS "No Go: tests against the API server's back ends are skipped")
    return()
  endif()
  set(folder "${PROJECT_SOURCE_DIR}/tests/peers/auditgen")
  set(program "${PROJECT_BINARY_DIR}/tests/auditgen")
  file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.go" "${folder}/go.*")
  add_custom_command(
    OUTPUT "${program}"
    COMMAND "${CMAKE_COMMAND}" "-DGO=${ODDVERB_GO}" "-DSOURCE=${folder}"
            "-DOUTPUT=${program}" -P "${PROJECT_SOURCE_DIR}/cmake/Peers.cmake"
    DEPENDS ${sources} "${PROJECT_SOURCE_DIR}/cmake/Peers.cmake"
    COMMENT "Building tests/peers/auditgen with Go"
    VERBATIM)
  add_custom_target(auditgen DEPENDS "${program}")
  add_dependencies(oddverb_peers auditgen)
endfunction()
