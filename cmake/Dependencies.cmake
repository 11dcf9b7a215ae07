# The packages, as Debian 12 names their targets. Nothing is downloaded.
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
# Its file looks for civetweb even if only the core is linked.
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL 7.85 REQUIRED)
# Only headers of it, and those only in net/*.cc.
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS headers)
find_package(zstd CONFIG REQUIRED)

# yaml-cpp 0.7 (Debian 12) has the old name of the target.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# libre2-dev (Debian 12) brings no CMake file, and its pkg-config file would
# cost one more package.
find_path(ODDVERB_RE2_HEADERS re2/re2.h REQUIRED)
find_library(ODDVERB_RE2_LIBRARY re2 REQUIRED)
mark_as_advanced(ODDVERB_RE2_HEADERS ODDVERB_RE2_LIBRARY)
add_library(re2::re2 UNKNOWN IMPORTED)
set_target_properties(
  re2::re2 PROPERTIES IMPORTED_LOCATION "${ODDVERB_RE2_LIBRARY}"
                      INTERFACE_INCLUDE_DIRECTORIES "${ODDVERB_RE2_HEADERS}")

# librdkafka-dev (Debian 12) brings no CMake file either.
find_path(ODDVERB_RDKAFKA_HEADERS librdkafka/rdkafka.h REQUIRED)
find_library(ODDVERB_RDKAFKA_LIBRARY rdkafka REQUIRED)
mark_as_advanced(ODDVERB_RDKAFKA_HEADERS ODDVERB_RDKAFKA_LIBRARY)
add_library(rdkafka::rdkafka UNKNOWN IMPORTED)
set_target_properties(
  rdkafka::rdkafka
  PROPERTIES IMPORTED_LOCATION "${ODDVERB_RDKAFKA_LIBRARY}"
             INTERFACE_INCLUDE_DIRECTORIES "${ODDVERB_RDKAFKA_HEADERS}")

# Abseil is used in every folder.
add_library(oddverb_absl INTERFACE)
target_link_libraries(
  oddverb_absl
  INTERFACE absl::base
            absl::btree
            absl::cleanup
            absl::flat_hash_map
            absl::flat_hash_set
            absl::hash
            absl::inlined_vector
            absl::int128
            absl::span
            absl::status
            absl::statusor
            absl::str_format
            absl::strings
            absl::synchronization
            absl::time)

if(BUILD_TESTING OR ODDVERB_FUZZ)
  find_package(GTest CONFIG REQUIRED)
  find_package(nlohmann_json CONFIG REQUIRED)
endif()
