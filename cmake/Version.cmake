# oddverb_build_version(SOURCE)
#
# Gives the version and the git revision to SOURCE alone, so that a commit
# rebuilds one file. The revision is "unknown" outside of a git checkout.
function(oddverb_build_version source)
  set(revision unknown)
  find_package(Git QUIET)
  # A source tree unpacked inside of another project's checkout is not a commit
  # of that project: only our own .git counts.
  if(GIT_FOUND AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
    set(git "${GIT_EXECUTABLE}" -C "${PROJECT_SOURCE_DIR}" rev-parse)
    execute_process(
      COMMAND ${git} --short=12 HEAD
      OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      set(revision "${head}")
    endif()
    # Every commit and checkout adds a line to this log: configure again then.
    execute_process(
      COMMAND ${git} --git-path logs/HEAD
      OUTPUT_VARIABLE log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    cmake_path(ABSOLUTE_PATH log BASE_DIRECTORY "${PROJECT_SOURCE_DIR}")
    if(log AND EXISTS "${log}")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${log}")
    endif()
  endif()
  set_source_files_properties(
    "${source}"
    PROPERTIES
      COMPILE_DEFINITIONS
      "ODDVERB_VERSION=\"${PROJECT_VERSION}\";ODDVERB_REVISION=\"${revision}\";ODDVERB_BUILD_TYPE=\"${CMAKE_BUILD_TYPE}\""
  )
endfunction()
