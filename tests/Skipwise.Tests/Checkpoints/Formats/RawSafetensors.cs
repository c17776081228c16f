using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Skipwise.Tests.Checkpoints.Formats;

/// <summary>The format written down a second time, without checks: makes files that lie, and reads honest ones.</summary>
internal static class RawSafetensors
{
    public static byte[] File(string header, int dataBytes) => File(header, new byte[dataBytes]);

    public static byte[] File(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }

    public static Dictionary<string, (string Type, long[] Shape, byte[] Data)> Read(string path)
    {
        byte[] file = System.IO.File.ReadAllBytes(path);
        int start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using JsonDocument header = JsonDocument.Parse(file.AsMemory(8..start));
        return header.RootElement.EnumerateObject().Where(p => p.Name != "__metadata__").ToDictionary(p => p.Name, p =>
        {
            int[] offsets = [.. p.Value.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32())];
            long[] shape = [.. p.Value.GetProperty("shape").EnumerateArray().Select(o => o.GetInt64())];
            return (p.Value.GetProperty("dtype").GetString()!, shape, file[(start + offsets[0])..(start + offsets[1])]);
        });
    }
}
