import AsyncIO

try AsyncIO.run {
    print("Hello World!")
}
