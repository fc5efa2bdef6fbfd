# What `cmake --install` puts where. Every path is relative to the prefix, so that the tree can be moved.
include(CMakePackageConfigHelpers)

install(TARGETS tuban_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libtuban EXPORT tuban_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/tuban DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE README.md README.zh-CN.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN man EXCLUDE)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/man/tuban.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/zh_CN/tuban.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/zh_CN/man1)
if(EXISTS ${PROJECT_SOURCE_DIR}/profiles)
  install(DIRECTORY profiles DESTINATION ${CMAKE_INSTALL_DATADIR}/tuban)
endif()

# find_package(tuban) and tuban::tuban
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tuban)
install(EXPORT tuban_targets NAMESPACE tuban:: FILE tuban-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/tuban-config.cmake.in tuban-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(tuban-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tuban-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/tuban-config-version.cmake DESTINATION ${package_dir})

# pkg-config
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE libdir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}
           OUTPUT_VARIABLE includedir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
           OUTPUT_VARIABLE prefix_from_pc)
configure_file(cmake/tuban.pc.in tuban.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tuban.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
