using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage.Gguf;

/// <summary>What a GGUF file begins with: magic, version, the number of tensors, and the metadata. The list of tensors follows.</summary>
/// <param name="TensorCount">number of tensors that the file claims</param>
internal sealed record GgufStart(GgufMetadata Metadata, int TensorCount)
{
    /// <summary>first four bytes of every file</summary>
    public const string Magic = "GGUF";

    /// <summary>the version that is written; version 2 has the same layout</summary>
    public const uint Version = 3;

    private const uint OldestVersion = 2;
    private const int LeastValue = 8 + 4, LeastTensor = 8 + 4 + 4 + 8; // bytes of an entry with an empty name

    /// <summary>Whether a path is a file that begins as a GGUF file does.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read</exception>
    public static bool IsAt(string path) => File.Exists(path) && Use(path, handle => RandomAccess.GetLength(handle) >= Magic.Length
        && Encoding.Latin1.GetString(FileBytes.Read(handle, 0, Magic.Length, path)) == Magic);

    /// <summary>Reads the metadata of a file.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, is no GGUF, of an unsupported version, cut off or damaged</exception>
    public static GgufMetadata Read(string path) =>
        Use(path, handle => Parse(new GgufCursor(handle, path, RandomAccess.GetLength(handle))).Metadata);

    /// <summary>Parses the start of a file.</summary>
    /// <param name="file">at the file's beginning; afterwards at the list of tensors</param>
    /// <exception cref="SkipwiseException">the file is no GGUF, of an unsupported version, cut off or damaged</exception>
    public static GgufStart Parse(GgufCursor file)
    {
        if (file.Length < sizeof(uint) || file.UInt32() != BitConverter.ToUInt32(Encoding.ASCII.GetBytes(Magic)))
        {
            throw file.Error($"does not begin with {Magic}: this is no GGUF file", "Name a GGUF file");
        }
        uint version = file.UInt32();
        if (version is < OldestVersion or > Version)
        {
            throw BinaryPrimitives.ReverseEndianness(version) is >= OldestVersion and <= Version
                ? file.Error("the file is big-endian, and little-endian ones are read", "Fetch or convert the little-endian one")
                : file.Error($"version {version}; versions {OldestVersion} and {Version} are read", "Convert the model again");
        }
        int tensorCount = file.Count(LeastTensor, "tensors"), valueCount = file.Count(LeastValue, "values");
        var metadata = new GgufMetadata();
        for (int i = 0; i < valueCount; i++)
        {
            string key = file.Text("a key");
            if (!metadata.TryAdd(key, Value(file, file.UInt32(), key)))
            {
                throw file.Error($"the key \"{key}\" is there twice");
            }
        }
        return new(metadata, tensorCount);
    }

    private static T Use<T>(string path, Func<SafeFileHandle, T> read)
    {
        try
        {
            using SafeFileHandle handle = InputFile.OpenHandle(path);
            return read(handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static object Value(GgufCursor file, uint type, string key)
    {
        if (type != (uint)GgufValueType.Array)
        {
            return Scalar(file, type, key);
        }
        uint items = file.UInt32();
        switch ((GgufValueType)items)
        {
            case GgufValueType.UInt8: return Items(file, key, sizeof(byte), file.Byte);
            case GgufValueType.Int8: return Items(file, key, sizeof(byte), () => (sbyte)file.Byte());
            case GgufValueType.UInt16: return Items(file, key, sizeof(ushort), file.UInt16);
            case GgufValueType.Int16: return Items(file, key, sizeof(ushort), () => (short)file.UInt16());
            case GgufValueType.UInt32: return Items(file, key, sizeof(uint), file.UInt32);
            case GgufValueType.Int32: return Items(file, key, sizeof(uint), () => (int)file.UInt32());
            case GgufValueType.Float32: return Items(file, key, sizeof(uint), () => BitConverter.UInt32BitsToSingle(file.UInt32()));
            case GgufValueType.Bool: return Items(file, key, sizeof(byte), () => Truth(file, key));
            case GgufValueType.String: return Items(file, key, sizeof(ulong), () => file.Text($"a text of {key}"));
            case GgufValueType.UInt64: return Items(file, key, sizeof(ulong), file.UInt64);
            case GgufValueType.Int64: return Items(file, key, sizeof(ulong), () => (long)file.UInt64());
            case GgufValueType.Float64: return Items(file, key, sizeof(ulong), () => BitConverter.UInt64BitsToDouble(file.UInt64()));
            default: throw file.Error($"the value of {key} is an array of type {items}, which is unknown or an array itself");
        }
    }

    private static T[] Items<T>(GgufCursor file, string key, int least, Func<T> read)
    {
        var items = new T[file.Count(least, $"items of {key}")];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = read();
        }
        return items;
    }

    private static object Scalar(GgufCursor file, uint type, string key) => (GgufValueType)type switch
    {
        GgufValueType.UInt8 => file.Byte(),
        GgufValueType.Int8 => (sbyte)file.Byte(),
        GgufValueType.UInt16 => file.UInt16(),
        GgufValueType.Int16 => (short)file.UInt16(),
        GgufValueType.UInt32 => file.UInt32(),
        GgufValueType.Int32 => (int)file.UInt32(),
        GgufValueType.Float32 => BitConverter.UInt32BitsToSingle(file.UInt32()),
        GgufValueType.Bool => Truth(file, key),
        GgufValueType.String => file.Text($"the value of {key}"),
        GgufValueType.UInt64 => file.UInt64(),
        GgufValueType.Int64 => (long)file.UInt64(),
        GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(file.UInt64()),
        _ => throw file.Error($"the value of {key} has the unknown type {type}"),
    };

    private static bool Truth(GgufCursor file, string key)
    {
        byte truth = file.Byte();
        return truth <= 1 ? truth == 1 : throw file.Error($"the truth value of {key} is {truth}");
    }
}
