internal import Glibc
package import SystemPackage

extension ByteDescriptor {
    /// Duplicates either all of the descriptors or none. The duplicates are closed when the process executes another
    /// program.
    package static func duplicates(of descriptors: [Int32]) throws(Errno) -> [Int32] {
        var duplicates: [Int32] = []
        do throws(Errno) {
            for descriptor in descriptors {
                let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
                guard duplicate >= 0 else { throw Errno(rawValue: errno) }
                duplicates.append(duplicate)
            }
        } catch {
            for duplicate in duplicates { closeOnce(duplicate) }
            throw error
        }
        return duplicates
    }
}
