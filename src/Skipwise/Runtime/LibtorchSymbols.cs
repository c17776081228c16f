using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Skipwise.Runtime;

/// <summary>
/// What TorchSharp's wrapper library asks of libtorch, held against what a libtorch has: one of another version may lack functions, and a
/// call to one of these would end the process.
/// </summary>
internal static class LibtorchSymbols
{
    private const int SymbolTable = 11; // ELF's number for a section of dynamic symbols
    private const int Global = 1; // a symbol that has to be found, as against a weak one

    /// <param name="wrapper">an ELF library</param>
    /// <param name="libraries">loaded ones; each is asked together with those it was linked with</param>
    /// <returns>what none of them has, as C++ programmers write it</returns>
    public static IReadOnlyList<string> Missing(ReadOnlySpan<byte> wrapper, IReadOnlyList<nint> libraries)
    {
        var missing = new List<string>();
        foreach (string name in Undefined(wrapper))
        {
            if (name != NativeImage.SymbolOfThatVersion && !libraries.Any(library => NativeLibrary.TryGetExport(library, name, out _)))
            {
                missing.Add(Demangled(name));
            }
        }
        return missing;
    }

    /// <summary>Names that an ELF library of 64 bits asks others for.</summary>
    internal static List<string> Undefined(ReadOnlySpan<byte> elf)
    {
        var names = new List<string>();
        int sections = Word(elf, 0x28), size = Half(elf, 0x3A), count = Half(elf, 0x3C);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> section = elf.Slice(sections + (i * size), size);
            if (Word(section, 4) == SymbolTable)
            {
                ReadOnlySpan<byte> strings = Content(elf, elf.Slice(sections + (Word(section, 0x28) * size), size));
                for (ReadOnlySpan<byte> symbols = Content(elf, section); symbols.Length > 0; symbols = symbols[24..])
                {
                    if (Half(symbols, 6) == 0 && symbols[4] >> 4 == Global) // in no section of this library
                    {
                        ReadOnlySpan<byte> name = strings[Word(symbols, 0)..];
                        names.Add(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]));
                    }
                }
            }
        }
        return names;
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> elf, ReadOnlySpan<byte> section) =>
        elf.Slice(Word(section, 0x18), Word(section, 0x20)); // the lower halves: no library has 2 GB

    private static int Word(ReadOnlySpan<byte> from, int offset) => BinaryPrimitives.ReadInt32LittleEndian(from[offset..]);

    private static int Half(ReadOnlySpan<byte> from, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(from[offset..]);

    /// <summary>The name as it was written, where the C++ library can tell it.</summary>
    private static unsafe string Demangled(string name)
    {
        if (!NativeLibrary.TryLoad("libstdc++.so.6", out nint standard)
            || !NativeLibrary.TryGetExport(standard, "__cxa_demangle", out nint demangle))
        {
            return name;
        }
        int status = -1;
        fixed (byte* text = Encoding.ASCII.GetBytes(name + '\0'))
        {
            nint plain = ((delegate* unmanaged<byte*, nint, nint, int*, nint>)demangle)(text, 0, 0, &status);
            string? written = Marshal.PtrToStringUTF8(plain);
            NativeMemory.Free((void*)plain);
            return written ?? name;
        }
    }
}
