using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>
/// An adapter of a model with a tied head. PEFT gives a module that it replaces or adapts its own weight, which unties the two, unless
/// both get the same weight or ensure_weight_tying is set.
/// </summary>
/// <param name="Adapter">for the tied model, or for the untied one if <paramref name="Parts"/></param>
/// <param name="Parts">whether the head must be untied, starting as a copy of the embedding</param>
internal sealed record TiedAdapter(LoraAdapter Adapter, bool Parts)
{
    /// <summary>Resolves the tied weights of an adapter.</summary>
    /// <param name="adapter">for a tied model</param>
    /// <param name="embedding">name of the embedding's weight in the base model's checkpoint</param>
    /// <param name="head">name of the head's weight</param>
    /// <param name="path">the adapter's folder, for error messages</param>
    /// <exception cref="SkipwiseException">two different weights for one matrix</exception>
    public static TiedAdapter Create(LoraAdapter adapter, string embedding, string head, string path)
    {
        (string Name, Tensor Value)[] shared = [.. adapter.Base.Select(w => (w.Name == head ? embedding : w.Name, w.Value))];
        Tensor[] matrices = [.. shared.Where(w => w.Name == embedding).Select(w => w.Value)];
        if (matrices.Any(matrix => !AreEqual(matrix, matrices[0])))
        {
            throw Conflict("holds two different weights for them");
        }
        Tensor? matrix = matrices.FirstOrDefault();
        Tensor? Whole(string name) => adapter.FullWeights.FirstOrDefault(w => w.Name == name).Value;
        LoraWeight? Update(string name) => adapter.Weights.FirstOrDefault(w => w.Target == name);
        (Tensor? ofEmbedding, Tensor? ofHead) = (Whole(embedding), Whole(head));
        (LoraWeight? onEmbedding, LoraWeight? onHead) = (Update(embedding), Update(head));
        bool isSame = AreEqual(ofEmbedding ?? matrix, ofHead ?? matrix)
            && AreEqual(onEmbedding?.A, onHead?.A) && AreEqual(onEmbedding?.B, onHead?.B) && onEmbedding?.Scale == onHead?.Scale;
        bool isOneReplaced = matrix is null && onEmbedding is null && onHead is null && (ofEmbedding is null || ofHead is null);
        if (isSame || (adapter.Config.EnsuresTying && isOneReplaced))
        {
            Tensor? one = ofEmbedding ?? ofHead;
            return new(adapter with
            {
                Base = [.. shared.Where(w => one is null || w.Name != embedding)],
                FullWeights = [.. adapter.FullWeights.Where(w => w.Name != embedding && w.Name != head), .. Replacing(embedding, one)],
                Weights = [.. adapter.Weights.Where(w => w.Target != head)],
            }, Parts: false);
        }
        if (adapter.Config.EnsuresTying)
        {
            throw Conflict("says ensure_weight_tying, but changes them differently, or by a LoRA weight that PEFT 0.18 gives to one of " +
                "them and later versions to both");
        }
        string warning = $"{path}: does not change {embedding} and {head} alike, which are one matrix in this model, and has no " +
            "ensure_weight_tying: " +
            "they become two, as in PEFT (a merged model says tie_word_embeddings: false)";
        return new(adapter with { Base = [.. shared, .. Replacing(head, matrix)], Warnings = [.. adapter.Warnings, warning] }, Parts: true);

        SkipwiseException Conflict(string what) => new($"{path}: {embedding} and {head} are one matrix in this model " +
            $"(tie_word_embeddings: true), but the adapter {what}. Merge it with PEFT (merge_and_unload) and use the merged model");
    }

    private static (string Name, Tensor Value)[] Replacing(string name, Tensor? value) => value is null ? [] : [(name, value)];

    private static bool AreEqual(Tensor? one, Tensor? other) =>
        one is null || other is null ? one is null && other is null : one.shape.SequenceEqual(other.shape) && one.Equals(other);
}
