//! The one binary. It must never do anything but hand over to the command line.

fn main() -> std::process::ExitCode {
    pushbutton::cli::main()
}
