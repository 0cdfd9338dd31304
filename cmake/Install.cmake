# cmake --install: the programs, and what is made from their tables of flags (manual pages, completions).
include(GNUInstallDirs)
find_package(Python3 COMPONENTS Interpreter REQUIRED)

set(SYNCLINE_SYSTEMD_UNIT_DIR "lib/systemd/system" CACHE STRING "Where units go, below the prefix")

set(documents ${PROJECT_BINARY_DIR}/documents)
add_custom_command(
  OUTPUT
    ${documents}/man/syncline.1 ${documents}/man/syncline-server.1
    ${documents}/bash/syncline ${documents}/bash/syncline-server
    ${documents}/zsh/_syncline ${documents}/zsh/_syncline-server
    ${documents}/fish/syncline.fish ${documents}/fish/syncline-server.fish
  COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/cmake/cli_documents.py
    --server $<TARGET_FILE:syncline_server> --client $<TARGET_FILE:syncline> --output ${documents}
  DEPENDS
    syncline_server syncline
    cmake/cli_documents.py cmake/cli_tables.py cmake/completions.py cmake/man_pages.py
  COMMENT "Manual pages and completions"
  VERBATIM)
add_custom_target(syncline_documents ALL DEPENDS ${documents}/man/syncline.1)

install(TARGETS syncline_server syncline RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(CODE "
  set(link \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/target-syncline\")
  file(CREATE_LINK syncline \"\${link}\" SYMBOLIC)")
install(FILES ${documents}/man/syncline.1 ${documents}/man/syncline-server.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(DIRECTORY ${documents}/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(DIRECTORY ${documents}/zsh/ DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(DIRECTORY ${documents}/fish/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# The contract, for callers that generate their own code.
install(DIRECTORY proto/ DESTINATION ${CMAKE_INSTALL_DATADIR}/syncline/proto
  FILES_MATCHING PATTERN "*.proto" PATTERN releases EXCLUDE)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Not into sysconfdir: a second installation must not replace what an administrator has changed.
install(FILES deploy/systemd/syncline-server.env DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The unit names the program by its full path, and `cmake --install --prefix` may change the prefix.
install(CODE "
  set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/deploy/systemd/syncline.service.in\"
    \"${PROJECT_BINARY_DIR}/syncline.service\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/syncline.service DESTINATION ${SYNCLINE_SYSTEMD_UNIT_DIR})
