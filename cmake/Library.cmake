# oddverb_library(FOLDER [DEPS folder...] [LIBRARIES package-target...])
#
# The static library oddverb_FOLDER of all *.cc in the folder and one level
# below. New files need no edit here. A folder without sources is left out.
# All libraries together are the interface target oddverb_all.
add_library(oddverb_all INTERFACE)

# What most files include is parsed once: that was a third of the time that
# their compilation took (g++ and clang).
function(oddverb_library_headers)
  set(source "${PROJECT_BINARY_DIR}/oddverb_library_headers.cc")
  file(CONFIGURE OUTPUT "${source}" CONTENT "// See cmake/Library.cmake.\n")
  add_library(oddverb_library_headers OBJECT "${source}")
  target_link_libraries(oddverb_library_headers
                        PRIVATE oddverb_absl Threads::Threads oddverb_warnings)
  target_precompile_headers(
    oddverb_library_headers
    PRIVATE <algorithm> <array> <atomic> <cstdint> <functional> <map> <memory>
            <mutex> <optional> <span> <string> <string_view> <utility> <variant>
            <vector> <absl/container/flat_hash_map.h>
            <absl/container/flat_hash_set.h> <absl/status/statusor.h>
            <absl/strings/str_cat.h> <absl/strings/str_format.h>
            <absl/strings/str_join.h> <absl/strings/str_split.h>
            <absl/synchronization/mutex.h> <absl/time/clock.h>
            <absl/time/time.h>)
endfunction()
if(NOT ODDVERB_EACH_FILE_ALONE)
  oddverb_library_headers()
endif()

# oddverb_compile_together(TARGET HEADERS folder... SOURCES source...): with the
# headers above, and several sources at once (cmake/JoinedSources.cmake).
function(oddverb_compile_together target)
  if(TARGET oddverb_library_headers)
    target_precompile_headers(${target} REUSE_FROM oddverb_library_headers)
  endif()
  if(ODDVERB_JOIN_SOURCES)
    oddverb_join_sources(${target} ${ARGN})
  endif()
endfunction()

function(oddverb_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;LIBRARIES")
  file(
    GLOB sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/${folder}/*.cc"
    "${PROJECT_SOURCE_DIR}/${folder}/*/*.cc")
  list(REMOVE_ITEM sources "${PROJECT_SOURCE_DIR}/app/main.cc")
  if(NOT sources)
    message(STATUS "Left out, no sources: ${folder}/")
    return()
  endif()

  set(target oddverb_${folder})
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(
    ${target}
    PUBLIC oddverb_absl Threads::Threads
    PRIVATE oddverb_warnings ${arg_LIBRARIES})
  # What an arrow leads to is visible through the headers behind it, too.
  set(visible ${folder})
  foreach(dep IN LISTS arg_DEPS)
    get_property(more GLOBAL PROPERTY oddverb_visible_to_${dep})
    list(APPEND visible ${more})
  endforeach()
  list(REMOVE_DUPLICATES visible)
  set_property(GLOBAL PROPERTY oddverb_visible_to_${folder} ${visible})
  set_property(GLOBAL APPEND PROPERTY oddverb_folders ${folder})
  oddverb_compile_together(${target} HEADERS ${visible} SOURCES ${sources})
  foreach(dep IN LISTS arg_DEPS)
    if(TARGET oddverb_${dep})
      target_link_libraries(${target} PUBLIC oddverb_${dep})
    endif()
  endforeach()
  target_link_libraries(oddverb_all INTERFACE ${target})
endfunction()
