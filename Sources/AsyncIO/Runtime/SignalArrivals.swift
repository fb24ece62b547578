internal import CShims

/// The total number of signals that this process has received.
enum SignalArrivals {
    @inline(__always)
    static var count: UInt32 { asyncio_signal_arrivals() }
}
