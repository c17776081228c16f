using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Skipwise.Runtime;

/// <summary>
/// Compares the symbols that TorchSharp's wrapper library imports with those of a libtorch: another version may lack functions, and a call
/// to a missing one ends the process.
/// </summary>
internal static class LibtorchSymbols
{
    private const int SymbolTable = 11; // ELF section type SHT_DYNSYM
    private const int Global = 1; // ELF binding STB_GLOBAL: the symbol has to be found, unlike a weak one

    /// <param name="wrapper">an ELF library</param>
    /// <param name="libraries">loaded libraries; each is searched together with its dependencies</param>
    /// <returns>missing symbols, demangled</returns>
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

    /// <summary>Undefined symbols of a 64-bit ELF library.</summary>
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
                    if (Half(symbols, 6) == 0 && symbols[4] >> 4 == Global) // undefined in this library
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
        elf.Slice(Word(section, 0x18), Word(section, 0x20)); // the lower 32 bits: no library has 2 GB

    private static int Word(ReadOnlySpan<byte> from, int offset) => BinaryPrimitives.ReadInt32LittleEndian(from[offset..]);

    private static int Half(ReadOnlySpan<byte> from, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(from[offset..]);

    /// <summary>Demangled name, if the C++ library can demangle it.</summary>
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
