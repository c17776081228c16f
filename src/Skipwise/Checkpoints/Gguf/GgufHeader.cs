using System.Text;
using Skipwise.Checkpoints.Formats;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// What is before the tensors' bytes in a GGUF file: metadata, and name, shape, type and place of each tensor. Its numbers are checked
/// against each other and against the file's length: the tensors follow one another, each aligned, as llama.cpp requires.
/// </summary>
internal sealed record GgufHeader(GgufMetadata Metadata, IReadOnlyList<TensorEntry> Tensors)
{
    private const int MostDimensions = 4, LongestName = 63; // ggml's limits
    private const uint OldestVersion = 2;
    private const int LeastEntry = 8 + 4 + 4; // bytes of a key or name without characters, and of the smallest rest

    /// <summary>Parses and checks a header.</summary>
    /// <param name="file">at the file's beginning</param>
    /// <exception cref="SkipwiseException">the file is no GGUF, of an unsupported version, cut off or damaged</exception>
    public static GgufHeader Parse(GgufCursor file)
    {
        if (file.Length < sizeof(uint) || file.UInt32() != BitConverter.ToUInt32(Encoding.ASCII.GetBytes(GgufWriter.Magic)))
        {
            throw file.Error($"does not begin with {GgufWriter.Magic}: this is no GGUF file");
        }
        uint version = file.UInt32();
        if (version is < OldestVersion or > GgufWriter.Version)
        {
            throw file.Error($"version {version}; versions {OldestVersion} and {GgufWriter.Version}, little endian, are read");
        }
        int tensorCount = file.Count(LeastEntry + sizeof(ulong), "tensors"), valueCount = file.Count(LeastEntry - sizeof(uint), "values");
        var metadata = new GgufMetadata();
        for (int i = 0; i < valueCount; i++)
        {
            string key = file.Text("a key");
            if (!metadata.TryAdd(key, Value(file, file.UInt32(), key)))
            {
                throw file.Error($"the key \"{key}\" is there twice");
            }
        }
        uint alignment = GgufMetadata.DefaultAlignment;
        if (metadata.Values.ContainsKey(GgufMetadata.AlignmentKey) && !metadata.TryGet(GgufMetadata.AlignmentKey, out alignment))
        {
            throw file.Error($"{GgufMetadata.AlignmentKey} is not a 32-bit number");
        }
        if (alignment == 0 || (alignment & (alignment - 1)) != 0)
        {
            throw file.Error($"{GgufMetadata.AlignmentKey} is {alignment}, which is no power of two");
        }
        return new(metadata, Entries(file, tensorCount, alignment));
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

    /// <param name="Offset">from the beginning of the tensors' bytes</param>
    private readonly record struct Listed(string Name, GgufType Type, long[] Shape, long Bytes, ulong Offset);

    private static TensorEntry[] Entries(GgufCursor file, int count, uint alignment)
    {
        var listed = new List<Listed>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            Listed tensor = Entry(file);
            listed.Add(tensor);
            if (!names.Add(tensor.Name))
            {
                throw file.Error($"the tensor {tensor.Name} is there twice");
            }
        }
        Int128 Aligned(Int128 bytes) => (bytes + alignment - 1) / alignment * alignment;
        Int128 start = Aligned(file.Position), reached = 0;
        var entries = new TensorEntry[count];
        for (int i = 0; i < count; i++)
        {
            Listed tensor = listed[i];
            if (tensor.Offset != reached)
            {
                throw file.Error($"tensor {tensor.Name} begins at byte {tensor.Offset} of the data, expected {reached}");
            }
            if (start + reached + tensor.Bytes > file.Length)
            {
                throw file.Error($"tensor {tensor.Name} ends at byte {start + reached + tensor.Bytes}, but the file has {file.Length}");
            }
            entries[i] = new(tensor.Name, tensor.Type.Stored, tensor.Shape, (long)(start + reached), tensor.Bytes);
            reached += Aligned(tensor.Bytes);
        }
        return entries;
    }

    private static Listed Entry(GgufCursor file)
    {
        string name = file.Text("a tensor's name");
        uint dimensions = file.UInt32();
        if (name.Length is 0 or > LongestName || dimensions > MostDimensions)
        {
            throw file.Error($"the tensor \"{name}\" has a name of {name.Length} characters and {dimensions} dimensions; at most " +
                $"{LongestName} and {MostDimensions} are allowed");
        }
        var shape = new long[dimensions];
        Int128 elements = 1;
        for (int i = 1; i <= shape.Length; i++)
        {
            ulong size = file.UInt64();
            elements *= Math.Max(size, 1); // a size of 0 counts as 1 in this check, as in libtorch's strides
            if (size > long.MaxValue || elements > long.MaxValue)
            {
                throw file.Error($"the tensor {name} has more elements than 64 bits can count");
            }
            shape[^i] = (long)size; // the innermost is first in the file
        }
        uint number = file.UInt32();
        GgufType type = GgufType.FromId(number) ?? throw file.Error($"the tensor {name} has the unknown type {number}");
        if (shape.LastOrDefault(1) is var row && row % type.BlockElements != 0)
        {
            throw file.Error($"the tensor {name} has rows of {row}, which are no multiple of {type.Name}'s {type.BlockElements}");
        }
        Int128 bytes = shape.Contains(0) ? 0 : elements / type.BlockElements * type.BlockBytes;
        return bytes > file.Length ? throw file.Error($"the tensor {name} needs {bytes} bytes; the file has {file.Length}")
            : new(name, type, shape, (long)bytes, file.UInt64());
    }
}
