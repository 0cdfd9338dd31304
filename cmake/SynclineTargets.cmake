# syncline_library(NAME SOURCES ... [PUBLIC targets] [PRIVATE targets]): one library a module. What a
# module links states which modules it may include; tests/unit/architecture_test.cc checks the includes.
set(SYNCLINE_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND SYNCLINE_WARNINGS -Wthread-safety)
endif()

if(SYNCLINE_SANITIZE)
  add_compile_options(-fsanitize=${SYNCLINE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SYNCLINE_SANITIZE})
  if(SYNCLINE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # abseil's flags have a fence in a header, and g++ warns that ThreadSanitizer does not see it.
    add_compile_options(-Wno-tsan)
  endif()
endif()

# libFuzzer's instrumentation of everything, so that it sees which code an input reaches.
option(SYNCLINE_FUZZ "Build the fuzz targets of tests/fuzz; needs clang" OFF)
if(SYNCLINE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SYNCLINE_FUZZ needs clang: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

function(syncline_target_defaults target)
  target_compile_options(${target} PRIVATE ${SYNCLINE_WARNINGS})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

function(syncline_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  syncline_target_defaults(${name})
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

function(syncline_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;PRIVATE" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  syncline_target_defaults(${name})
  target_link_libraries(${name} PRIVATE ${arg_PRIVATE})
endfunction()
