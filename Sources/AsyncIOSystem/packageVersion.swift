/// The version of this package, which the tools print.
package let packageVersion = "0.1.0"
