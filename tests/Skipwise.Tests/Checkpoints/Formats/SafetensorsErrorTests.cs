using System.Text;
using Skipwise.Checkpoints.Formats;

namespace Skipwise.Tests.Checkpoints.Formats;

public sealed class SafetensorsErrorTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    private const string X = """ "x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]} """;

    [Theory]
    [InlineData("[1]", 0, "does not start with '{'")]
    [InlineData(" {}", 0, "does not start with '{'")]
    [InlineData("{", 0, "not valid JSON")]
    [InlineData("{\"\uD800\":1}", 0, "not valid JSON", true)]
    [InlineData("{" + X + "," + X + "}", 8, "not valid JSON")] // twice the same name
    [InlineData("{\"x\":1}", 0, "tensor x: expected an object")]
    [InlineData("{\"x\":{}}", 0, "tensor x: unknown dtype (none)")]
    [InlineData("{\"x\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "tensor x: unknown dtype F33; known: F64, F32")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "shape must be a list")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "shape must be a list")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}", 8, "shape must be a list")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "data_offsets must be two")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "data_offsets must be two")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, "data_offsets must be two")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, "ends at byte 8 of the data, but the file holds 7")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9223372036854775807]}}", 8, "but the file holds 8")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8,
        "F32 [3] needs 12 bytes, but data_offsets give it 8")]
    [InlineData("{\"x\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "F4 [3] fills 12 bits, which are no whole bytes")]
    [InlineData("{\"x\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "F6_E2M3 [4] needs 3 bytes, but")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "larger than any file")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,9],\"data_offsets\":[0,0]}}", 0, "larger than any file")]
    [InlineData("{" + X + "}", 12, "4 bytes after x belong to no tensor")]
    [InlineData("{" + X + ",\"y\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 8, "tensor y: overlaps x")]
    [InlineData("{" + X + ",\"y\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9,10]}}", 10, "tensor y: leaves a hole after x")]
    [InlineData("{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "tensor x: leaves a hole after the header")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", 0, "must be an object of strings")]
    [InlineData("{\"__metadata__\":[]}", 0, "must be an object of strings")]
    public void A_header_that_does_not_hold_together_is_one_clear_error(string header, int dataBytes, string expected, bool latin = false)
    {
        byte[] file = RawSafetensors.File(header, dataBytes);
        if (latin)
        {
            file = [7, 0, 0, 0, 0, 0, 0, 0, .. "{\"\u00FF\":1}".Select(c => (byte)c)]; // a byte that is no UTF-8
        }
        ExpectError(file, expected);
    }

    [Fact]
    public void A_file_that_is_cut_off_or_no_safetensors_at_all_says_so()
    {
        ExpectError([], "0 bytes are too few");
        ExpectError([1, 2, 3], "3 bytes are too few");
        ExpectError([9, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "claims a header of 9 bytes, but only 2 follow");
        ExpectError([.. BitConverter.GetBytes(ulong.MaxValue), 0], "claims a header of 18446744073709551615 bytes; at most 100000000");
        ExpectError([.. BitConverter.GetBytes(0L)], "does not start with '{'");
        ExpectError(Encoding.ASCII.GetBytes("<html>404: not found</html>"), "This is no safetensors file");
    }

    [Fact]
    public void A_missing_file_and_a_folder_in_its_place_are_named()
    {
        Assert.Contains(_temp["none"], Assert.Throws<SkipwiseException>(() => SafetensorsFile.Open(_temp["none"])).Message);
        Assert.Contains(_temp.Path, Assert.Throws<SkipwiseException>(() => SafetensorsFile.Open(_temp.Path)).Message);
    }

    [Fact]
    public void Rank_is_limited_and_empty_files_are_fine()
    {
        byte[] OfRank(int rank) => RawSafetensors.File(
            $$$"""{"x":{"dtype":"U8","shape":[{{{string.Join(",", Enumerable.Repeat(1, rank))}}}],"data_offsets":[0,1]}}""", 1);
        ExpectError(OfRank(65), "65 dimensions");
        File.WriteAllBytes(_temp["most.safetensors"], OfRank(64));
        using (SafetensorsFile most = SafetensorsFile.Open(_temp["most.safetensors"]))
        {
            Assert.Equal(64, most.Tensors["x"].Shape.Count);
        }
        File.WriteAllBytes(_temp["empty.safetensors"], RawSafetensors.File("{}   ", 0));
        using SafetensorsFile file = SafetensorsFile.Open(_temp["empty.safetensors"]);
        Assert.Empty(file.Tensors);
    }

    private void ExpectError(byte[] content, string expected)
    {
        string path = _temp["broken.safetensors"];
        File.WriteAllBytes(path, content);
        string message = Assert.Throws<SkipwiseException>(() => SafetensorsFile.Open(path).Dispose()).Message;
        Assert.Contains(path, message);
        Assert.Contains(expected, message);
    }
}
