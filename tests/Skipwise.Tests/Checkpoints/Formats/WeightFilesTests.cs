using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;

namespace Skipwise.Tests.Checkpoints.Formats;

public sealed class WeightFilesTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly string _folder;
    private readonly string _index;

    public WeightFilesTests()
    {
        _folder = _temp.Copy(Fixture.Path("formats", "sharded-safetensors-f16"), "model");
        _index = Path.Combine(_folder, WeightFiles.IndexName);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Shards_are_one_collection()
    {
        using WeightFiles weights = WeightFiles.Open(_folder);
        var expected = Enumerable.Range(1, 3)
            .SelectMany(i => RawSafetensors.Read(Path.Combine(_folder, $"model-0000{i}-of-00003.safetensors"))).ToDictionary();
        Assert.Equal(expected.Keys.Order(), weights.Tensors.Keys.Order());
        foreach ((string name, StoredTensor tensor) in weights.Tensors)
        {
            byte[] bytes = new byte[tensor.Entry.Length];
            tensor.File.ReadBytes(tensor.Entry, bytes);
            Assert.Equal(expected[name].Data, bytes);
            Assert.Throws<ArgumentOutOfRangeException>(() => tensor.File.ReadBytes(tensor.Entry, bytes.AsSpan(1)));
            Assert.Throws<ArgumentOutOfRangeException>(() => tensor.File.ReadBytes(tensor.Entry, new byte[bytes.Length + 1]));
        }
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        File.Delete(Path.Combine(_folder, "model-00002-of-00003.safetensors"));
        ExpectError($"{_index}: shard model-00002-of-00003.safetensors is missing");
    }

    [Fact]
    public void A_tensor_that_is_not_where_the_index_says_is_named()
    {
        EditIndex(map => map["model.norm.weight"] = "model-00001-of-00003.safetensors");
        ExpectError("tensor model.norm.weight: ");
        EditIndex(map =>
        {
            map["model.norm.weight"] = "model-00003-of-00003.safetensors";
            map["extra"] = "model-00003-of-00003.safetensors";
        });
        ExpectError(
            "model-00003-of-00003.safetensors: tensor extra: model.safetensors.index.json says that it is in this shard, but it is not");
        EditIndex(map => { map.Remove("extra"); map.Remove("model.norm.weight"); });
        ExpectError("tensor model.norm.weight: is in this shard, but model.safetensors.index.json does not say so");
    }

    [Theory]
    [InlineData("../model.safetensors"), InlineData("/etc/passwd"), InlineData(".."), InlineData("")]
    public void An_index_does_not_lead_out_of_the_folder(string name)
    {
        EditIndex(map => map["model.norm.weight"] = name);
        ExpectError($"\"{name}\" is not a file name inside the folder");
    }

    [Theory]
    [InlineData("{}", "key weight_map: missing")]
    [InlineData("{\"weight_map\": {}}", "key weight_map: names no tensor")]
    [InlineData("{\"weight_map\": {\"x\": 1}}", "key weight_map.x: expected a text, found 1")]
    [InlineData("{\"weight_map\": {\"x\": null}}", "key weight_map.x: expected a file name")]
    [InlineData("{\"weight_map", "not valid JSON")]
    public void A_broken_index_is_one_clear_error(string index, string expected)
    {
        File.WriteAllText(_index, index);
        ExpectError($"{_index}: {expected}");
    }

    [Fact]
    public void A_folder_without_weights_says_what_is_missing()
    {
        Directory.CreateDirectory(_temp["bare"]);
        string bare = Assert.Throws<SkipwiseException>(() => WeightFiles.Open(_temp["bare"])).Message;
        Assert.StartsWith($"no weights found in {_temp["bare"]}: expected model.safetensors or pytorch_model.bin", bare);
        Assert.Contains("there is no such folder", Assert.Throws<SkipwiseException>(() => WeightFiles.Open(_temp["none"])).Message);
    }

    /// <summary>Many folders hold the same weights twice. Each step of the order is that of transformers: safetensors before a pickle,
    /// and a whole file before an index.</summary>
    [Fact]
    public void Of_several_forms_the_safest_and_most_whole_is_read()
    {
        string single = Fixture.Path("formats", "single-safetensors-bf16"), torch = Fixture.Path("formats", "pytorch-bin-f32"),
            shardedTorch = Fixture.Path("formats", "sharded-pytorch-bin-f16");
        string[] forms =
        [
            Path.Combine(shardedTorch, "pytorch_model.bin.index.json"), Path.Combine(torch, "pytorch_model.bin"), _index,
            Path.Combine(single, WeightFiles.SingleName),
        ];
        Directory.CreateDirectory(_temp["all"]);
        foreach (string form in forms) // each is preferred to those that are there already
        {
            foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(form)!))
            {
                File.Copy(file, Path.Combine(_temp["all"], Path.GetFileName(file)), overwrite: true);
            }
            using WeightFiles weights = WeightFiles.Open(_temp["all"]);
            Assert.Equal(Path.GetFileName(form), Path.GetFileName(weights.Location));
        }
    }

    private void EditIndex(Action<JsonObject> edit)
    {
        var index = (JsonObject)JsonNode.Parse(File.ReadAllText(_index))!;
        edit((JsonObject)index["weight_map"]!);
        File.WriteAllText(_index, index.ToJsonString());
    }

    private void ExpectError(string expected) =>
        Assert.Contains(expected, Assert.Throws<SkipwiseException>(() => WeightFiles.Open(_folder).Dispose()).Message);
}
