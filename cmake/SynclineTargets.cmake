# syncline_library(NAME SOURCES ... [PUBLIC targets] [PRIVATE targets]): one library a module, shared if
# BUILD_SHARED_LIBS is set, as for the sanitizers, whose programs would otherwise take 20 GB. What a
# module links states which modules it may include; tests/unit/rules/architecture_test.cc checks the includes.
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

# Halves the time of a whole build. The release preset does without, so that every file is also compiled
# with its own includes only.
option(SYNCLINE_PRECOMPILED_HEADERS "Compile the headers of the libraries once for all targets" OFF)
if(SYNCLINE_PRECOMPILED_HEADERS)
  # A precompiled header is read only where these are as they were when it was made.
  add_compile_options(-pthread)
  if(BUILD_SHARED_LIBS)
    add_compile_options(-fPIC)
  endif()
  add_compile_definitions(GTEST_HAS_PTHREAD=1)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-fpch-preprocess)
  else()
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
  add_library(syncline_precompiled OBJECT ${CMAKE_CURRENT_LIST_DIR}/precompiled.cc)
  target_compile_options(syncline_precompiled PRIVATE ${SYNCLINE_WARNINGS})
  target_precompile_headers(syncline_precompiled PRIVATE ${CMAKE_CURRENT_LIST_DIR}/precompiled.h)
endif()

function(syncline_target_defaults target)
  target_compile_options(${target} PRIVATE ${SYNCLINE_WARNINGS})
  if(SYNCLINE_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM syncline_precompiled)
  endif()
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

function(syncline_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} ${arg_SOURCES})
  syncline_target_defaults(${name})
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

function(syncline_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;PRIVATE" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  syncline_target_defaults(${name})
  target_link_libraries(${name} PRIVATE ${arg_PRIVATE})
endfunction()
