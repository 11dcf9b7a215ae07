# Without a build type this is a Release build with NDEBUG: simdjson 3.0.1
# decodes at half the speed when its assertions are compiled in, so an empty
# build type would be a slow program that nobody notices.
# tests/cmake/build_type_test.cmake runs this file alone.
get_property(oddverb_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT oddverb_multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Type of the build" FORCE)
  message(STATUS "No build type given: Release")
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release"
   AND NOT "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_RELEASE}" MATCHES "-DNDEBUG")
  message(
    FATAL_ERROR
      "A Release build needs -DNDEBUG, but CMAKE_CXX_FLAGS_RELEASE is "
      "\"${CMAKE_CXX_FLAGS_RELEASE}\". Remove your setting, or choose another "
      "CMAKE_BUILD_TYPE.")
endif()
