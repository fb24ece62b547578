/// The version of this package, as the tools print it.
package let packageVersion = "0.1.0"
