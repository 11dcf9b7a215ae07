# oddverb_library(FOLDER [DEPS folder...] [LIBRARIES package-target...])
#
# The static library oddverb_FOLDER of all *.cc in the folder and one level
# below. New files need no edit here. A folder without sources is left out.
# All libraries together are the interface target oddverb_all.
add_library(oddverb_all INTERFACE)

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
  foreach(dep IN LISTS arg_DEPS)
    if(TARGET oddverb_${dep})
      target_link_libraries(${target} PUBLIC oddverb_${dep})
    endif()
  endforeach()
  target_link_libraries(oddverb_all INTERFACE ${target})
endfunction()
