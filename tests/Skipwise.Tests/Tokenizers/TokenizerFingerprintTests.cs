using System.Text.Json.Nodes;
using Skipwise.Tests.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Tokenizers;

public sealed class TokenizerFingerprintTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>It stands in the header of every token store: another number here makes all of them stores of another tokenizer.</summary>
    [Fact]
    public void The_fingerprint_of_a_learned_vocabulary_is_this_number()
    {
        TokenizerWriter.Write(LearnedVocabulary.Vocabulary, Directory.CreateDirectory(_temp["tokenizer"]).FullName, 64);
        ITokenizer tokenizer = TokenizerLoader.Load(_temp["tokenizer"]);
        Assert.Equal(1194970445030156463UL, TokenizerFingerprint.Compute(tokenizer));
        ulong fingerprint = TokenizerFingerprint.Compute(tokenizer);
        Assert.Equal(fingerprint, TokenizerFingerprint.Compute(BoundedTokenizer.Create(tokenizer, tokenizer.VocabularySize - 1)));
        // stores hold neither BOS nor EOS: whether texts get them is asked of the tokenizer
        string settings = _temp["tokenizer/tokenizer_config.json"];
        JsonNode json = JsonNode.Parse(File.ReadAllText(settings))!;
        json["add_bos_token"] = !tokenizer.AddsBos;
        File.WriteAllText(settings, json.ToJsonString());
        Assert.Equal(TokenizerFingerprint.Compute(tokenizer), TokenizerFingerprint.Compute(TokenizerLoader.Load(_temp["tokenizer"])));
    }
}
