internal import CShims

/// The number of signals that this process has received, of all kinds.
enum SignalArrivals {
    @inline(__always)
    static var count: UInt32 { asyncio_signal_arrivals() }
}
