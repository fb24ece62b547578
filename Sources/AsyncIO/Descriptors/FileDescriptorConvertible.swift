public import SystemPackage

/// A value that represents an open file descriptor, such as a number, a `FileDescriptor` of swift-system, or a
/// ``File``.
///
/// Functions that take a descriptor accept any of these types, so a number from the C library needs no conversion.
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
