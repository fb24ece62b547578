import AsyncIO
import Glibc

/// Creates certificates with libcrypto, which is loaded at run time, as the library does.
///
/// The `openssl` program could do the same, but not every machine that has the library has the
/// program.
nonisolated enum CertificateMaker {
    struct Failure: Error { let function: String }

    /// A certificate and its key, as libcrypto objects. Neither is ever freed, because there are
    /// few.
    struct Made: @unchecked Sendable {
        let certificate: OpaquePointer
        let key: OpaquePointer
    }

    /// Creates a key, and a certificate for it.
    ///
    /// - Parameters:
    ///   - subject: the fields of the subject: "CN", "O".
    ///   - extensions: the extensions by OpenSSL's numbers, with values as in its configuration
    ///     files.
    ///   - valid: the period of validity, in seconds from now.
    ///   - issuer: the issuer that signs the certificate; nil for a self-signed one.
    static func make(
        subject: [(String, String)], extensions: [(Int32, String)], valid: Range<Int>, issuer: Made? = nil
    ) throws -> Made {
        let key = try makeKey()
        let certificate = try pointer("X509_new")()
        try numbered("X509_set_version")(certificate, 2)
        try number(certificate)
        try adjust(of("X509_getm_notBefore")(certificate), valid.lowerBound)
        try adjust(of("X509_getm_notAfter")(certificate), valid.upperBound)
        try joined("X509_set_pubkey")(certificate, key)
        let name = try of("X509_get_subject_name")(certificate)
        for (field, value) in subject { try add(field, value, to: name) }
        let issuing = issuer?.certificate ?? certificate
        try joined("X509_set_issuer_name")(certificate, of("X509_get_subject_name")(issuing))
        for (number, value) in extensions { try extend(certificate, number, value, issuing) }
        typealias Sign = @convention(c) (OpaquePointer, OpaquePointer, OpaquePointer) -> Int32
        let length = try find("X509_sign", Sign.self)(certificate, issuer?.key ?? key, pointer("EVP_sha256")())
        guard length > 0 else { throw Failure(function: "X509_sign") }
        return Made(certificate: certificate, key: key)
    }

    static func write(certificate: OpaquePointer, to path: String) throws {
        try withFile(path) { file in try joined("PEM_write_bio_X509")(file, certificate) }
    }

    static func write(key: OpaquePointer, password: String? = nil, to path: String) throws {
        typealias Write =
            @convention(c) (
                OpaquePointer, OpaquePointer, OpaquePointer?, UnsafePointer<CChar>?, Int32, OpaquePointer?,
                OpaquePointer?
            ) -> Int32
        try withFile(path) { file in
            let cipher = password == nil ? nil : try pointer("EVP_aes_256_cbc")()
            let write = try find("PEM_write_bio_PKCS8PrivateKey", Write.self)
            guard write(file, key, cipher, password, Int32(password?.utf8.count ?? 0), nil, nil) == 1 else {
                throw Failure(function: "PEM_write_bio_PKCS8PrivateKey")
            }
        }
    }

    // MARK: Parts

    /// A key on the curve P-256.
    private static func makeKey() throws -> OpaquePointer {
        typealias New = @convention(c) (Int32, OpaquePointer?) -> OpaquePointer?
        typealias Start = @convention(c) (OpaquePointer) -> Int32
        typealias Generate = @convention(c) (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32
        let (ellipticCurve, prime256v1): (Int32, Int) = (408, 415)
        guard let context = try find("EVP_PKEY_CTX_new_id", New.self)(ellipticCurve, nil) else {
            throw Failure(function: "EVP_PKEY_CTX_new_id")
        }
        guard try find("EVP_PKEY_keygen_init", Start.self)(context) == 1 else {
            throw Failure(function: "EVP_PKEY_keygen_init")
        }
        try numbered("EVP_PKEY_CTX_set_ec_paramgen_curve_nid")(context, prime256v1)
        var key: OpaquePointer?
        guard try find("EVP_PKEY_keygen", Generate.self)(context, &key) == 1, let key else {
            throw Failure(function: "EVP_PKEY_keygen")
        }
        return key
    }

    /// Sets a random serial number of 159 bits, as `openssl` does.
    private static func number(_ certificate: OpaquePointer) throws {
        typealias Random = @convention(c) (OpaquePointer, Int32, Int32, Int32) -> Int32
        typealias Convert = @convention(c) (OpaquePointer, OpaquePointer) -> OpaquePointer?
        let random = try pointer("BN_new")()
        guard try find("BN_rand", Random.self)(random, 159, 0, 0) == 1 else { throw Failure(function: "BN_rand") }
        let serial = try of("X509_get_serialNumber")(certificate)
        guard try find("BN_to_ASN1_INTEGER", Convert.self)(random, serial) != nil else {
            throw Failure(function: "BN_to_ASN1_INTEGER")
        }
    }

    private static func adjust(_ time: OpaquePointer, _ seconds: Int) throws {
        typealias Adjust = @convention(c) (OpaquePointer, Int) -> OpaquePointer?
        guard try find("X509_gmtime_adj", Adjust.self)(time, seconds) != nil else {
            throw Failure(function: "X509_gmtime_adj")
        }
    }

    private static func add(_ field: String, _ value: String, to name: OpaquePointer) throws {
        typealias Add =
            @convention(c) (
                OpaquePointer, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, Int32, Int32, Int32
            ) -> Int32
        let utf8: Int32 = 0x1000
        guard try find("X509_NAME_add_entry_by_txt", Add.self)(name, field, utf8, value, -1, -1, 0) == 1 else {
            throw Failure(function: "X509_NAME_add_entry_by_txt")
        }
    }

    private static func extend(
        _ certificate: OpaquePointer, _ number: Int32, _ value: String, _ issuer: OpaquePointer
    ) throws {
        typealias Set =
            @convention(c) (
                UnsafeMutableRawPointer, OpaquePointer, OpaquePointer, OpaquePointer?, OpaquePointer?, Int32
            ) -> Void
        typealias Make =
            @convention(c) (
                OpaquePointer?, UnsafeMutableRawPointer, Int32, UnsafePointer<CChar>
            ) -> OpaquePointer?
        typealias Add = @convention(c) (OpaquePointer, OpaquePointer, Int32) -> Int32
        // X509V3_CTX, a struct of a few pointers.
        let context = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 16)
        context.initializeMemory(as: UInt8.self, repeating: 0, count: 256)
        defer { context.deallocate() }
        try find("X509V3_set_ctx", Set.self)(context, issuer, certificate, nil, nil, 0)
        guard let made = try find("X509V3_EXT_conf_nid", Make.self)(nil, context, number, value),
            try find("X509_add_ext", Add.self)(certificate, made, -1) == 1
        else { throw Failure(function: "X509V3_EXT_conf_nid \(value)") }
    }

    private static func withFile(_ path: String, _ body: (OpaquePointer) throws -> Void) throws {
        typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> OpaquePointer?
        typealias Close = @convention(c) (OpaquePointer) -> Int32
        guard let file = try find("BIO_new_file", Open.self)(path, "w") else { throw Failure(function: path) }
        defer { _ = try? find("BIO_free", Close.self)(file) }
        try body(file)
    }

    // MARK: Functions by signature

    private static func pointer(_ name: String) throws -> () throws -> OpaquePointer {
        let function = try find(name, (@convention(c) () -> OpaquePointer?).self)
        return { try function() ?? { throw Failure(function: name) }() }
    }

    /// A function that returns a part of an object.
    private static func of(_ name: String) throws -> (OpaquePointer) throws -> OpaquePointer {
        let function = try find(name, (@convention(c) (OpaquePointer) -> OpaquePointer?).self)
        return { try function($0) ?? { throw Failure(function: name) }() }
    }

    private static func numbered(_ name: String) throws -> (OpaquePointer, Int) throws -> Void {
        let function = try find(name, (@convention(c) (OpaquePointer, Int) -> Int32).self)
        return { guard function($0, $1) == 1 else { throw Failure(function: name) } }
    }

    private static func joined(_ name: String) throws -> (OpaquePointer, OpaquePointer) throws -> Void {
        let function = try find(name, (@convention(c) (OpaquePointer, OpaquePointer) -> Int32).self)
        return { guard function($0, $1) == 1 else { throw Failure(function: name) } }
    }

    /// libcrypto, from the same place as in the library.
    private static let library: UInt = {
        let folder = getenv("ASYNCIO_OPENSSL").map { String(cString: $0) + "/" } ?? ""
        return UInt(bitPattern: dlopen(folder + "libcrypto.so.3", RTLD_NOW))
    }()

    private static func find<F>(_ name: String, _ type: F.Type) throws -> F {
        guard library != 0, let function = dlsym(UnsafeMutableRawPointer(bitPattern: library), name) else {
            throw Failure(function: name)
        }
        return unsafeBitCast(function, to: type)
    }
}
