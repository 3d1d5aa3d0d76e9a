//! Writes the primes below its first argument to the file that its second names, and says how many there are.
const std = @import("std");
const Io = std.Io;

pub fn main(init: std.process.Init) !u8 {
    const arena = init.arena.allocator();
    const args = try init.minimal.args.toSlice(arena);
    if (args.len < 3) {
        std.debug.print("usage: primes BELOW FILE\n", .{});
        return 64;
    }
    const below = try std.fmt.parseInt(usize, args[1], 10);
    const composite = try arena.alloc(bool, below);
    @memset(composite, false);

    var text: std.ArrayList(u8) = .empty;
    var count: usize = 0;
    var number: usize = 2;
    while (number < below) : (number += 1) {
        if (composite[number]) continue;
        count += 1;
        try text.print(arena, "{d}\n", .{number});
        var multiple = number * number;
        while (multiple < below) : (multiple += number) composite[multiple] = true;
    }

    var file = try Io.Dir.cwd().createFile(init.io, args[2], .{});
    defer file.close(init.io);
    try file.writeStreamingAll(init.io, text.items);

    var buffer: [256]u8 = undefined;
    var writer: Io.File.Writer = .init(.stdout(), init.io, &buffer);
    try writer.interface.print("{d} primes below {d}, {d} bytes\n", .{ count, below, text.items.len });
    try writer.interface.flush();
    return if (count == 0) 1 else 0;
}
