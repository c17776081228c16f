using System.Text.Json;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// The JSON header of a safetensors file: an object of tensors, <c>name: {dtype, shape, data_offsets: [begin, end]}</c>, and
/// an optional <c>__metadata__</c> of strings. Its numbers are checked against each other and against the file's length: the tensors must
/// fill the data part without gap or overlap, as the format demands.
/// </summary>
internal sealed record SafetensorsHeader(IReadOnlyList<TensorEntry> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    public const string MetadataKey = "__metadata__";
    public const long LongestHeader = 100_000_000; // the format's own limit
    private const int MostDimensions = 64;         // libtorch's own limit

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">the header's bytes, padding included</param>
    /// <param name="dataStart">offset of the data part in the file</param>
    /// <param name="fileLength">bytes of the whole file</param>
    /// <param name="file">path for error messages</param>
    public static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, long dataStart, long fileLength, string file)
    {
        if (json.Length == 0 || json.Span[0] != (byte)'{')
        {
            throw new SkipwiseException(
                $"{file}: the header does not start with '{{'. This is no safetensors file, or its beginning is damaged");
        }
        try
        {
            using JsonDocument document =
                JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            return Read(document.RootElement, dataStart, fileLength, file);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: text that is not UTF-8
        {
            throw new SkipwiseException($"{file}: the header is not valid JSON: {e.Message}", e);
        }
    }

    private static SafetensorsHeader Read(JsonElement root, long dataStart, long fileLength, string file)
    {
        var tensors = new List<TensorEntry>();
        var metadata = new Dictionary<string, string>();
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name == MetadataKey)
            {
                ReadMetadata(property.Value, metadata, file);
            }
            else
            {
                tensors.Add(ReadTensor(property.Name, property.Value, dataStart, fileLength, file));
            }
        }
        TensorEntry[] inFileOrder = [.. tensors.OrderBy(t => t.Offset).ThenBy(t => t.Length)];
        CheckThatTensorsFillTheFile(inFileOrder, dataStart, fileLength, file);
        return new SafetensorsHeader(inFileOrder, metadata);
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string file)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return; // the format's own reader treats it as absent
        }
        if (value.ValueKind != JsonValueKind.Object || value.EnumerateObject().Any(p => p.Value.ValueKind != JsonValueKind.String))
        {
            throw new SkipwiseException($"{file}: {MetadataKey} must be an object of strings");
        }
        foreach (JsonProperty property in value.EnumerateObject())
        {
            metadata[property.Name] = property.Value.GetString()!;
        }
    }

    private static TensorEntry ReadTensor(string name, JsonElement value, long dataStart, long fileLength, string file)
    {
        SkipwiseException Wrong(string what) => new($"{file}: tensor {name}: {what}");

        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Wrong($"expected an object with dtype, shape and data_offsets, found {value.ValueKind}");
        }
        string? typeName = value.TryGetProperty("dtype", out JsonElement dtype) && dtype.ValueKind == JsonValueKind.String
            ? dtype.GetString()
            : null;
        StoredType type = StoredType.FromName(typeName)
            ?? throw Wrong($"unknown dtype {typeName ?? "(none)"}; known: {string.Join(", ", StoredType.Names)}");
        long[] shape = WholeNumbers(value, "shape") ?? throw Wrong("shape must be a list of whole numbers >= 0");
        if (shape.Length > MostDimensions)
        {
            throw Wrong($"{shape.Length} dimensions; at most {MostDimensions} are possible");
        }
        if (WholeNumbers(value, "data_offsets") is not [long begin, long end] || begin > end)
        {
            throw Wrong("data_offsets must be two whole numbers, 0 <= begin <= end");
        }
        long dataLength = fileLength - dataStart;
        if (end > dataLength)
        {
            throw Wrong(
                $"ends at byte {end} of the data, but the file holds {dataLength}: it is cut off, or the header lies. Fetch the file " +
                $"again");
        }
        if (BitCount(shape, type) is not Int128 expected)
        {
            throw Wrong($"shape {TensorEntry.Describe(shape)} is larger than any file");
        }
        if (expected % 8 != 0)
        {
            throw Wrong($"{type} {TensorEntry.Describe(shape)} fills {expected} bits, which are no whole bytes");
        }
        if (expected / 8 != end - begin)
        {
            throw Wrong($"{type} {TensorEntry.Describe(shape)} needs {expected / 8} bytes, but data_offsets give it {end - begin}");
        }
        return new TensorEntry(name, type, shape, dataStart + begin, end - begin);
    }

    private static long[]? WholeNumbers(JsonElement parent, string key)
    {
        if (!parent.TryGetProperty(key, out JsonElement list) || list.ValueKind != JsonValueKind.Array)
        {
            return null;
        }
        long[] numbers = new long[list.GetArrayLength()];
        int count = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out numbers[count]) || numbers[count++] < 0)
            {
                return null;
            }
        }
        return numbers;
    }

    /// <summary>The tensor's size in bits; null if its bytes do not fit 64 bits. A dimension of 0 counts as 1 in this check, as in
    /// libtorch's strides.</summary>
    private static Int128? BitCount(long[] shape, StoredType type)
    {
        Int128 strides = type.Bits;
        foreach (long size in shape)
        {
            strides *= Math.Max(size, 1);
            if (strides / 8 > long.MaxValue)
            {
                return null;
            }
        }
        return shape.Contains(0) ? 0 : strides;
    }

    private static void CheckThatTensorsFillTheFile(TensorEntry[] inFileOrder, long dataStart, long fileLength, string file)
    {
        long reached = dataStart;
        string before = "the header";
        foreach (TensorEntry tensor in inFileOrder)
        {
            if (tensor.Offset != reached)
            {
                string what = tensor.Offset < reached ? "overlaps" : "leaves a hole after";
                throw new SkipwiseException(
                    $"{file}: tensor {tensor.Name}: {what} {before}: it begins at byte {tensor.Offset - dataStart} of the data, expected " +
                    $"{reached - dataStart}");
            }
            reached += tensor.Length;
            before = tensor.Name;
        }
        if (reached != fileLength)
        {
            throw new SkipwiseException(
                $"{file}: {fileLength - reached} bytes after {before} belong to no tensor: the file is damaged or was written by a " +
                $"faulty program");
        }
    }
}
