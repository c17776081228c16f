using System.IO.Compression;
using System.Text;

namespace Skipwise.Tests.Checkpoints.Formats.Torch;

/// <summary>torch.save's layout written down a second time, without checks: makes files that lie.</summary>
internal static class RawTorch
{
    /// <summary>An archive of a pickle and some records, named as PyTorch names them.</summary>
    public static byte[] Archive(byte[] pickle, params (string Name, byte[] Bytes)[] records)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in records.Prepend(("data.pkl", pickle)))
            {
                using Stream stream = zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression).Open();
                stream.Write(bytes);
            }
        }
        return file.ToArray();
    }

    /// <summary>A pickle from its operations: texts stand for themselves, numbers for bytes.</summary>
    public static byte[] Pickle(params object[] parts) =>
        [0x80, 2, .. parts.SelectMany(part => part switch
        {
            string text => Encoding.UTF8.GetBytes(text),
            int value => [(byte)value],
            byte[] bytes => bytes,
            _ => throw new ArgumentException($"{part}"),
        }), (byte)'.'];

    /// <summary>A short text.</summary>
    public static byte[] Text(string text) => [(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>A whole number of 64 bits.</summary>
    public static byte[] Number(long value) => [0x8A, 8, .. BitConverter.GetBytes(value)];

    /// <summary>{name: tensor}: one float32 tensor on storage "0".</summary>
    public static byte[] OneTensor(string name, long storageCount, long offset, long[] sizes, long[] strides,
        string storage = "FloatStorage", string rebuild = "torch._utils\n_rebuild_tensor_v2\n") =>
        Pickle("}", Item(name, "0", storageCount, offset, sizes, strides, storage, rebuild));

    /// <summary>An archive of float32 tensors, each on a storage of its own.</summary>
    public static byte[] Model(IReadOnlyList<(string Name, long[] Sizes, long[] Strides, byte[] Storage)> tensors) =>
        Archive(
            Pickle(["}", .. tensors.Select((t, i) => Item(t.Name, $"{i}", t.Storage.Length / 4, 0, t.Sizes, t.Strides))]),
            [.. tensors.Select((t, i) => ($"data/{i}", t.Storage))]);

    /// <summary>Puts a tensor into the dictionary on the stack.</summary>
    private static byte[] Item(string name, string key, long storageCount, long offset, long[] sizes, long[] strides,
        string storage = "FloatStorage", string rebuild = "torch._utils\n_rebuild_tensor_v2\n") =>
        Pickle(Text(name), "c", rebuild, "((", Text("storage"), $"ctorch\n{storage}\n", Text(key), Text("cpu"), Number(storageCount), "tQ",
            Number(offset),
            "(", sizes.SelectMany(Number).ToArray(), "t(", strides.SelectMany(Number).ToArray(), "t", 0x89, "}tRs")[2..^1];
}
