public import SystemPackage

/// A type whose values represent open file descriptors, such as `Int32`, `FileDescriptor` from swift-system, or
/// ``File``.
///
/// Functions that take a descriptor accept any conforming type, so you can pass a number from the C library without
/// converting it.
///
/// asyncio: an `int`, or an object with `fileno()`.
public protocol FileDescriptorConvertible {
    /// The descriptor.
    var fileDescriptor: FileDescriptor { get }
}

extension FileDescriptor: FileDescriptorConvertible {
    /// The descriptor itself.
    public var fileDescriptor: FileDescriptor { self }
}

extension Int32: FileDescriptorConvertible {
    /// The descriptor with this number.
    public var fileDescriptor: FileDescriptor { FileDescriptor(rawValue: self) }
}

extension FileDescriptorConvertible {
    /// The number of the descriptor.
    var number: Int32 { fileDescriptor.rawValue }
}
